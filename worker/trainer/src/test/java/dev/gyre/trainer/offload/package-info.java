@NullMarked
package dev.gyre.trainer.offload;

import org.jspecify.annotations.NullMarked;
