"""Where people work: a durable work list, a node that receives studies and answers them, a page for readers."""
