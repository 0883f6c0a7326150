@NullMarked
package dev.gyre.deploy.command.data;

import org.jspecify.annotations.NullMarked;
