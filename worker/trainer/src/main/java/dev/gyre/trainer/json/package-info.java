/** Job descriptions and plans as JSON, as they are sent and kept in a run's folder. */
@NullMarked
package dev.gyre.trainer.json;

import org.jspecify.annotations.NullMarked;
