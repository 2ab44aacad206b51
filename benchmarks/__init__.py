"""What `make bench` measures: this program beside the plain script a user would write instead."""
