//! Plugins: those that ship, an author's, and hostile ones.

mod author_sentences;
mod authors;
mod guests;
mod loading;
mod panels;
mod profiles;
mod provision;
mod records;
