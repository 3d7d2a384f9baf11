"""Chapter 43.386 RCW (Washington, use of facial recognition by public agencies) as working parts, without I/O.

    items      each rule of the chapter, how sure it is, and where it was read
    papers     what can be filed, to the last field
    reading    papers read strictly, and as they were kept
    book       the papers of one agency, and what they come to: rounds of a report, tests, training, authorities
    report     the accountability report: its draft from what the server knows, its gaps, its text
    suppress   counts of people, published so that no small one can be worked out

It decides nothing about an ask: it says what is on record, and the rules of policy/packs read that. It never reads a
clock, a database or a file. Source: docs/washington.md, which names the texts.
"""
