"""What the pages show beyond the views: columns, what needs a person, the squad's pulse, figures over time."""
