/** Job descriptions and plans as JSON, the form in which they travel and lie in a run's folder. */
@NullMarked
package dev.gyre.trainer.json;

import org.jspecify.annotations.NullMarked;
