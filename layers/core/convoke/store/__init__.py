"""DynamoDB alone. ``keys`` spells the keys, ``items`` turns items into data classes and back, ``dynamo`` makes the
calls, ``writes`` builds the actions of a transaction; every other module is the repository of one kind of item.
"""
