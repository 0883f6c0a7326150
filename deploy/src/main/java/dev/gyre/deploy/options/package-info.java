/**
 * Options and arguments that several commands share, what they select on this machine, and the
 * error that ends a command.
 */
@NullMarked
package dev.gyre.deploy.options;

import org.jspecify.annotations.NullMarked;
