"""What the use cases need of the world, as typing.Protocol only."""
