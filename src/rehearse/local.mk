# src/rehearse: sources, library and unit tests.
