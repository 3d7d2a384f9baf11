"""What the house does, one module a deed. Every deed that touches a face passes `gate.Gate.run`."""
