namespace Postern.Mta.Inbound.Filters;

/// <summary>Numbers of the milter protocol, version 6 (Sendmail's <c>libmilter/mfdef.h</c>).</summary>
static class MilterProtocol
{
    public const int Version = 6;

    /// <summary>The oldest that Postfix speaks.</summary>
    public const int VersionMin = 2;

    /// <summary>The first that is told of DATA.</summary>
    public const int VersionOfData = 4;

    /// <summary>Octets of what follows the code in one packet of ours (MILTER_CHUNK_SIZE).</summary>
    public const int DataOctetsMax = 65_535;

    /// <summary>Octets of a packet's length in front of it.</summary>
    public const int LengthOctets = 4;
}

/// <summary>What we say (SMFIC).</summary>
enum MilterCommand : byte
{
    Abort = (byte)'A',
    Body = (byte)'B',
    Connect = (byte)'C',
    Macros = (byte)'D',
    EndOfBody = (byte)'E',
    Helo = (byte)'H',
    Header = (byte)'L',
    Mail = (byte)'M',
    EndOfHeader = (byte)'N',
    Negotiate = (byte)'O',
    Quit = (byte)'Q',
    Rcpt = (byte)'R',
    Data = (byte)'T',
}

/// <summary>What a milter may want changed (SMFIF).</summary>
[Flags]
enum MilterActions : uint
{
    None = 0,
    AddFields = 0x01,
    ChangeFields = 0x10,
    Quarantine = 0x20,

    /// <summary>The body, the sender and the recipients are not for milters to change: content never changes
    /// once it is stored (DESIGN §9.3), and recipients were answered for one by one.</summary>
    Offered = AddFields | ChangeFields | Quarantine,
}

/// <summary>What a milter need not be told, and what it does not answer (SMFIP).</summary>
[Flags]
enum MilterSteps : uint
{
    None = 0,
    NoConnect = 0x01,
    NoHelo = 0x02,
    NoMail = 0x04,
    NoRcpt = 0x08,
    NoBody = 0x10,
    NoHeader = 0x20,
    NoEndOfHeader = 0x40,
    NoReplyToHeader = 0x80,
    NoUnknown = 0x100,
    NoData = 0x200,
    Skip = 0x400,
    NoReplyToConnect = 0x1000,
    NoReplyToHelo = 0x2000,
    NoReplyToMail = 0x4000,
    NoReplyToRcpt = 0x8000,
    NoReplyToData = 0x1_0000,
    NoReplyToUnknown = 0x2_0000,
    NoReplyToEndOfHeader = 0x4_0000,
    NoReplyToBody = 0x8_0000,

    /// <summary>Values of fields come with the blanks before them.</summary>
    LeadingSpace = 0x10_0000,

    /// <summary>All of these; not recipients that were refused, of which there are none any more, and no
    /// larger packets.</summary>
    Offered = NoConnect | NoHelo | NoMail | NoRcpt | NoBody | NoHeader | NoEndOfHeader | NoReplyToHeader
        | NoUnknown | NoData | Skip | NoReplyToConnect | NoReplyToHelo | NoReplyToMail | NoReplyToRcpt
        | NoReplyToData | NoReplyToUnknown | NoReplyToEndOfHeader | NoReplyToBody | LeadingSpace,
}
