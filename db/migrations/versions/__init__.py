"""One file a revision, oldest first: 0001_first.py, 0002_….py. A revision that was released is never edited."""
