"""A network of sums of feature rows, as in NNUE, with a policy that is factored in the same way.

A *feature* is a group of rows of a learned table, one row for each combination of a few small
numbers, such as (square, piece). A position has nearly two hundred rows of the *input table*, whose
sum goes through a small trunk. A move has one row of each feature of the *move table*; the inner
product of their sum and the position's policy vector is the move's logit.
"""
