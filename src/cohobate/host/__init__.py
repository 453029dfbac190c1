"""The machine underneath: what is installed, what runs, what the file system can do."""
