/** Golden cases: a folder with weights, a batch and the expected results, on any mesh. */
@NullMarked
package dev.gyre.trainer.golden;

import org.jspecify.annotations.NullMarked;
