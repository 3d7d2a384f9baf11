"""Whether the tests would notice: the gate and the judge with one thing changed, again and again."""
