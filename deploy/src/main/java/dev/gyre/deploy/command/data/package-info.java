/** {@code gyre data}: prepares and shows the tokens of a job. */
@NullMarked
package dev.gyre.deploy.command.data;

import org.jspecify.annotations.NullMarked;
