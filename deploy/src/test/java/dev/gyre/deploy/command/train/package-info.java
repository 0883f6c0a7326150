@NullMarked
package dev.gyre.deploy.command.train;

import org.jspecify.annotations.NullMarked;
