"""What a sample can be: a package for each kind of data, the interface in base.py and view_maker.py."""
