"""Countenance: a face-recognition server and library that keeps its promises.

Importing the package imports nothing else, so that an auditor can run the receipt
verifier (`countenance.ledger.proof`) without a model, a database or numpy.
"""

__version__ = "0.1.0"
