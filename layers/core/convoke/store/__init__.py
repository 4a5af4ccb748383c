"""All access to DynamoDB.

``keys`` has the keys of all items, ``conditions`` every condition of a write, ``codec`` converts data classes to items
and back, ``dynamo`` makes the calls, and ``writes`` builds the actions of a transaction. ``compression`` makes rendered
mails small; ``spread`` merges the queries of an event's invitations, which are in several partitions. ``accounts`` has
the API keys, and ``operations`` what an operator does to the tables.

Each other module is a repository, mostly of one kind of item; ``repository`` has what they share. ``store`` has all of
them, bound to a client and its tables, and says which of them performs each effect. A method whose name ends in
``_action`` writes nothing by itself: it returns an action for the caller's transaction.
"""
