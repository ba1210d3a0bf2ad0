"""One module per kind of file; `files` holds what they share: bulk CSV, weekly increments, the file log."""
