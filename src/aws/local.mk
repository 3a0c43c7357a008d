# src/aws: sources, library and unit tests.
