"""A kind of data of its own: vectors of D numbers, such as the measurements of an instrument.

A sample is a .vec file: D numbers as text, with blanks between them.
"""
