"""Roll two dice, always the same two."""

import random

dice = random.Random(2)
print(dice.randint(1, 6), dice.randint(1, 6))
