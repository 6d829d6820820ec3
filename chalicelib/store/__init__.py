"""DynamoDB: keys, tables, transactions, cursors, one module an aggregate."""
