@NullMarked
package dev.gyre.trainer.experts;

import org.jspecify.annotations.NullMarked;
