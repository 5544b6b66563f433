//! Programs of this machine that tests talk to: clients and tools, which nothing starts when they are installed.

/// A program that tests run.
pub struct Peer {
    /// What it is called.
    pub program: &'static str,
    /// The Debian package that holds it.
    pub package: &'static str,
    /// What tests need it for.
    pub why: &'static str,
}

/// All of them.
pub const PEERS: &[Peer] = &[
    Peer { program: "amtterm", package: "amtterm", why: "a serial console on our simulated Intel AMT" },
    Peer {
        program: "bmc-info",
        package: "freeipmi-tools",
        why: "opens every kind of session on our BMC side",
    },
    Peer { program: "conmand", package: "conman", why: "keeps a log of a console, which we follow" },
    Peer {
        program: "conserver",
        package: "conserver-server",
        why: "keeps a log of a console, which we follow",
    },
    Peer { program: "cpio", package: "cpio", why: "lists the guest's initramfs that xtask writes" },
    Peer {
        program: "fakebmc",
        package: "python3-pyghmi",
        why: "the BMC of OpenStack's IPMI library, which judges our IPMI client",
    },
    Peer {
        program: "gammu",
        package: "gammu",
        why: "sends and reads short messages through our simulated modem",
    },
    Peer { program: "ipmi_sim", package: "openipmi", why: "a BMC that judges our IPMI client" },
    Peer { program: "ipmi-fru", package: "freeipmi-tools", why: "reads the inventory of our BMC side" },
    Peer { program: "ipmi-sel", package: "freeipmi-tools", why: "reads the event log of our BMC side" },
    Peer { program: "ipmi-sensors", package: "freeipmi-tools", why: "reads the sensors of our BMC side" },
    Peer { program: "ipmiconsole", package: "freeipmi-tools", why: "a serial console on our BMC side" },
    Peer { program: "ipmipower", package: "freeipmi-tools", why: "an IPMI client that judges our BMC side" },
    Peer {
        program: "libvirtd",
        package: "libvirt-daemon",
        why: "runs a machine that our client for libvirt switches",
    },
    Peer {
        program: "powermand",
        package: "powerman",
        why: "reads the power of fleets, as `bench ipmi` measures beside ours",
    },
    Peer {
        program: "gvnccapture",
        package: "gvncviewer",
        why: "a viewer that judges the screens that our simulator shows",
    },
    Peer {
        program: "ipmitool",
        package: "ipmitool",
        why: "an IPMI client that judges our BMC side over cipher suites 3 and 17",
    },
    Peer { program: "snmpd", package: "snmpd", why: "an SNMP agent that judges our client for power strips" },
    Peer {
        program: "snmpset",
        package: "snmp",
        why: "reads and switches the outlets of our simulated power strip",
    },
    Peer { program: "asciinema", package: "asciinema", why: "plays recordings, and judges ours" },
    Peer { program: "ser2net", package: "ser2net", why: "a terminal server that judges our telnet" },
    Peer { program: "git", package: "git", why: "makes the repositories that the server follows" },
    Peer {
        program: "gpg",
        package: "gnupg",
        why: "signs commits, and judges their signatures for the server",
    },
    Peer { program: "curl", package: "curl", why: "knocks at webhooks as forges do" },
    Peer {
        program: "sshd",
        package: "openssh-server",
        why: "a jump host, a machine that runs commands, and one with a menu before its console, for our SSH client",
    },
    Peer {
        program: "microsocks",
        package: "microsocks",
        why: "a SOCKS proxy that judges our connections through one",
    },
    Peer {
        program: "nginx",
        package: "nginx-light",
        why: "the controllers whose readings over TLS `bench redfish` measures",
    },
    Peer { program: "virsh", package: "libvirt-clients", why: "judges what libvirt did for us" },
    Peer {
        program: "tesseract",
        package: "tesseract-ocr",
        why: "reads pictures of consoles, as `bench reader` measures beside ours",
    },
    Peer { program: "tmux", package: "tmux", why: "a terminal that judges ours" },
    Peer { program: "tshark", package: "tshark", why: "judges every packet that we send to machines" },
    Peer {
        program: "sixel2png",
        package: "libsixel-bin",
        why: "reads the pictures that we draw in terminals",
    },
    Peer {
        program: "xkbcli",
        package: "libxkbcommon-tools",
        why: "judges what our layouts of keyboards have on their keys",
    },
    Peer {
        program: "Xvnc",
        package: "tigervnc-standalone-server",
        why: "a screen that judges our RFB client",
    },
    Peer {
        program: "tigervncpasswd",
        package: "tigervnc-tools",
        why: "writes the password that Xvnc asks for",
    },
    Peer {
        program: "x11vnc",
        package: "x11vnc",
        why: "shows one picture in every encoding of RFB, and over TLS",
    },
    Peer {
        program: "websockify",
        package: "websockify",
        why: "carries RFB through WebSockets to our client",
    },
    Peer { program: "atftp", package: "atftp", why: "a TFTP client with windows (RFC 7440)" },
    Peer { program: "bsdtar", package: "libarchive-tools", why: "reads ISO images, and judges our reader" },
    Peer { program: "busybox", package: "busybox", why: "a TFTP client, and the tools of small systems" },
    Peer { program: "dhclient", package: "isc-dhcp-client", why: "a DHCP client" },
    Peer { program: "dhcpcd", package: "dhcpcd-base", why: "a DHCP client" },
    Peer { program: "dnsmasq", package: "dnsmasq-base", why: "a foreign DHCP and TFTP server, and a relay" },
    Peer {
        program: "ethtool",
        package: "ethtool",
        why: "makes the kernel finish its checksums before a frame reaches firmware",
    },
    Peer { program: "ip", package: "iproute2", why: "makes the networks that machines boot from" },
    Peer { program: "nmap", package: "nmap", why: "asks DHCP servers what they offer" },
    Peer { program: "tftp", package: "tftp-hpa", why: "a TFTP client" },
    Peer { program: "udhcpc", package: "udhcpc", why: "the DHCP client of small systems" },
    Peer {
        program: "genisoimage",
        package: "genisoimage",
        why: "writes ISO images as few others do, and its isoinfo reads them",
    },
    Peer { program: "7z", package: "p7zip-full", why: "reads images of UDF, and judges our reader" },
    Peer {
        program: "bd_info",
        package: "libbluray-bin",
        why: "brings libudfread, which reads metadata partitions of UDF, and judges our reader",
    },
    Peer { program: "mkudffs", package: "udftools", why: "writes most forms of UDF, without files" },
    Peer { program: "wrk", package: "wrk", why: "loads HTTP servers, as `bench boot` measures them" },
    Peer { program: "xorriso", package: "xorriso", why: "writes ISO images of every kind" },
    Peer { program: "openssl", package: "openssl", why: "makes the certificates that screens show" },
];
