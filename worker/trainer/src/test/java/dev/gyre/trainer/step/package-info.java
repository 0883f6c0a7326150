@NullMarked
package dev.gyre.trainer.step;

import org.jspecify.annotations.NullMarked;
