# Runs a packaging script with procedures in the place of Vivado's commands: it must parse, call only commands and options
# that Vivado's documentation (UG835, UG1393) has, in an order that makes sense, and say the same things as kernel.xml.
#
#   tclsh check.tcl package.tcl VERILOG OUT
#
# Prints the calls. Exit status 1 with one line on the first that is wrong. What Vivado makes of them, this cannot tell.
lassign $argv script verilog out
set channel [open $script]
set text [read $channel]
close $channel

proc wrong {what} {
    global script
    puts stderr "check.tcl: $script: $what"
    exit 1
}
if {![info complete $text]} {
    wrong "a brace, bracket or quote is not closed"
}

# Command, its options with a value, its switches, how many arguments besides; and what must have been called before it.
set known {
    create_project {-part} {-force} 2 {}
    add_files {} {-norecurse} 1 create_project
    current_fileset {} {} 0 create_project
    set_property {} {} 3 create_project
    update_compile_order {-fileset} {} 0 add_files
    ipx::package_project {-root_dir -vendor -library -taxonomy -set_current} {-import_files} 0 update_compile_order
    ipx::current_core {} {} 0 ipx::package_project
    ipx::associate_bus_interfaces {-busif -clock} {} 1 ipx::package_project
    ipx::create_xgui_files {} {} 1 ipx::package_project
    ipx::update_checksums {} {} 1 ipx::create_xgui_files
    ipx::save_core {} {} 1 ipx::update_checksums
    close_project {} {-delete} 0 ipx::save_core
    package_xo {-xo_path -kernel_name -ip_directory -kernel_xml} {} 0 ipx::save_core
}
set properties {top name version core_revision sdx_kernel sdx_kernel_type}
set called {}

# A stand-in: checks the call, remembers it, prints it.
proc call {command options switches count before arguments} {
    global called given properties
    if {$before ne "" && $before ni $called} {
        wrong "$command before $before"
    }
    set rest {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {$word in $options} {
            set given($command$word) [lindex $arguments [incr i]]
            if {$given($command$word) eq ""} { wrong "$command: $word without a value" }
        } elseif {$word in $switches} {
            set given($command$word) 1
        } elseif {[string match -* $word]} {
            wrong "$command has no option $word"
        } else {
            lappend rest $word
        }
    }
    if {[llength $rest] != $count} {
        wrong "$command takes $count arguments besides its options, not [llength $rest]: $rest"
    }
    if {$command eq "set_property"} {
        if {[lindex $rest 0] ni $properties} { wrong "unknown property [lindex $rest 0]" }
        set given(property-[lindex $rest 0]) [lindex $rest 1]
    }
    if {$command eq "add_files" && ![file isfile [lindex $rest 0]]} { wrong "there is no [lindex $rest 0]" }
    lappend called $command
    puts "$command $arguments"
    return "<$command>"
}
namespace eval ipx {}
foreach {command options switches count before} $known {
    proc ::$command args "call [list $command $options $switches $count $before] \$args"
}

set argv [list $verilog $out]
set argc 2
# As `vivado -source` does it: `info script` is the script.
source $script

foreach {command options switches count before} $known {
    if {$command ni $called} { wrong "$command is never called" }
    foreach option $options {
        if {![info exists given($command$option)]} { wrong "$command without $option" }
    }
}
set channel [open $given(package_xo-kernel_xml)]
set xml [read $channel]
close $channel
set name $given(package_xo-kernel_name)
if {![regexp {<kernel name="([^"]+)"} $xml -> declared] || $declared ne $name} { wrong "kernel.xml is not of $name" }
if {$given(property-top) ne $name || $given(property-name) ne $name} { wrong "top, core and kernel have different names" }
if {$given(package_xo-ip_directory) ne $given(ipx::package_project-root_dir)} { wrong "another core is packed than packaged" }
set vlnv "$given(ipx::package_project-vendor):$given(ipx::package_project-library):$name:$given(property-version)"
if {[string first "vlnv=\"$vlnv\"" $xml] < 0} { wrong "kernel.xml does not say $vlnv" }
