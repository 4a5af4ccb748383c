"""All access to DynamoDB.

``keys`` has the keys of all items, ``items`` converts items to data classes and back, ``dynamo`` makes the calls, and
``writes`` builds the actions of a transaction. Each other module is the repository of one kind of item. A function
whose name ends in ``_action`` writes nothing by itself: it returns an action for the caller's transaction.
"""
