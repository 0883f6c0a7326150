@NullMarked
package dev.gyre.trainer.sequence;

import org.jspecify.annotations.NullMarked;
