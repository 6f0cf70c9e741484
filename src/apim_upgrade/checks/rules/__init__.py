"""The rules, a module or package for each family; every module below is found and loaded by itself."""
