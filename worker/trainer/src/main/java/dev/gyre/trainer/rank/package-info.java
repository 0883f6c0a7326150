/** One rank of a run: its model, groups and memory, wired together. */
@NullMarked
package dev.gyre.trainer.rank;

import org.jspecify.annotations.NullMarked;
