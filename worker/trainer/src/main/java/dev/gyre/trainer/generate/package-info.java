/** Text from a trained model. */
@NullMarked
package dev.gyre.trainer.generate;

import org.jspecify.annotations.NullMarked;
