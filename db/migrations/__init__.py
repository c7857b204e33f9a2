"""The schema's history. A change of db/models.py comes with a new file in versions/; schema.HEAD names the newest."""
