using Postern.Mta.Store;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string SettingsServer => "Server";
    public override string SettingsVersion => "Version";
    public override string SettingsUptime => "Running for";
    public override string SettingsData => "Data directory";
    public override string SettingsDisk => "Free on its disk";
    public override string SettingsHealth => "Store";

    public override string NameOf(StoreHealth health) => health switch
    {
        StoreHealth.Accepting => "takes mail",
        StoreHealth.Full => "full: takes no new mail",
        _ => "failed: nothing is acknowledged",
    };

    public override string SettingsCertificate => "Certificate ends";
    public override string SettingsCertificateEnded => "has ended";
    public override string SettingsListeners => "Listeners";
    public override string SettingsListener => "Listener";
    public override string SettingsFor => "For";
    public override string SettingsTls => "TLS";
    public override string SettingsEffective => "Configuration in force";
    public override string SettingsEffectiveMeans =>
        "Secrets stand as references. Accounts, domains and routes made by command or API are in "
        + "the store, on their own pages.";
    public override string SettingsDefault => "Default";
    public override string SettingsSource => "Source";
    public override string SettingsSourceName(bool isSet) => isSet ? "file" : "default";
    public override string SettingsSearch => "Find a key or value";
    public override string SettingsChangedOnly => "Only what differs from the defaults";
    public override string SettingsNothing => "No setting fits.";
    public override string SettingsCut(int count) =>
        $"Only the first {Number(count)} are shown: search for the others.";
    public override string SettingsHead => "General";
    public override string SettingsReload => "Reload the configuration";
    public override string NeedsRestart => "These keys wait for a restart:";
}
