@NullMarked
package dev.gyre.trainer.files;

import org.jspecify.annotations.NullMarked;
