@NullMarked
package dev.gyre.trainer.rank;

import org.jspecify.annotations.NullMarked;
