//! The whole operator on a real API server, against the real sandbox over TLS.
//!
//! Each test has a namespace, a sandbox with an identity of its own and an operator of its own: the
//! real program, installed by helm, with a token of the chart's service account and nothing more.
//! What happened is judged by the sandbox's tables and ledgers and by what the API server shows.

mod access;
mod acts;
mod adoption;
mod alerts;
mod api_away;
mod beside;
mod black_hole;
mod bounds;
mod bss;
mod canaries;
mod collector;
mod conflicts;
mod deletion;
mod endings;
mod endurance;
mod faults;
mod gates;
mod gitops;
mod hostile;
mod image;
mod kills;
mod leaders;
mod leaving;
mod logins;
mod manual;
mod misoperation;
mod moves;
mod namespaces;
mod observed;
mod origins;
mod picture;
mod places;
mod plain;
mod plugin;
mod plugin_speed;
mod prometheus;
mod records;
mod refusals;
mod restore;
mod rivals;
mod second;
mod secrets;
mod size;
mod states;
mod storefront;
mod suspension;
mod turns;
mod verify;
mod view;
mod weak;
mod world;
