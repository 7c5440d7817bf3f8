CREATE TABLE user_preferences (email TEXT PRIMARY KEY REFERENCES users (email), theme TEXT NOT NULL DEFAULT 'light');
