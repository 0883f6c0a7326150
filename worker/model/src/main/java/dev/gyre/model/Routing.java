package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Variable;

/**
 * A router's decision for this rank's T tokens, M = T·k rows.
 *
 * @param weights F32 [T,k] of the chosen experts, with gradient
 * @param indices I32 [T,k] chosen experts, best first
 * @param tokenOfRow I32 [M]: token of each row once rows are sorted by expert, then token
 * @param slots I32 [T,k]: the row of each choice
 * @param rowsPerExpert rows of each expert, over all experts
 */
record Routing(
    Variable weights, Tensor indices, Tensor tokenOfRow, Tensor slots, int[] rowsPerExpert) {}
