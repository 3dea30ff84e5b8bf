typedef int not_written_yet; // replaced by its owner
