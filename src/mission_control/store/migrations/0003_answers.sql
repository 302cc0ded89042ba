-- What an agent that thinks leaves behind: the last it said, and the conversation it can go on with.
ALTER TABLE attempt ADD COLUMN answer TEXT;  -- cut; whole in the attempt's folder
ALTER TABLE attempt ADD COLUMN session TEXT;
