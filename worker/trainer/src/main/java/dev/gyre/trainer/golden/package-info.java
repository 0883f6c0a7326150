/** Golden cases: a folder of weights, a batch and what must come out of it, on any mesh. */
@NullMarked
package dev.gyre.trainer.golden;

import org.jspecify.annotations.NullMarked;
