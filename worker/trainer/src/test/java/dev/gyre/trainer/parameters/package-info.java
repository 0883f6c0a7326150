@NullMarked
package dev.gyre.trainer.parameters;

import org.jspecify.annotations.NullMarked;
