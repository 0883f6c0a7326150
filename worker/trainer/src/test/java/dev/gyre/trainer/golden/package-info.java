@NullMarked
package dev.gyre.trainer.golden;

import org.jspecify.annotations.NullMarked;
