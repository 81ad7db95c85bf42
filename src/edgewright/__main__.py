"""`python -m edgewright` is the command line."""

from edgewright.cli import main

if __name__ == "__main__":
    main()
