CREATE TABLE notification_settings (email TEXT PRIMARY KEY REFERENCES users (email), weekly INTEGER NOT NULL DEFAULT 1);
