namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string UserRole => "Role";
    public override string UserSince => "Since";
    public override string UserSignsIn => "Signs in by";
    public override string UserSignsInBy(bool hasPassword) => hasPassword ? "password or link" : "link alone";
    public override string UserPasswordMeans => "Empty: the user signs in by one-time links alone.";
    public override string UserAddTitle => "Add a user";
    public override string UserManage => "Manage";
    public override string UserManageTitle(string name) => $"User {name}";
    public override string UserRemoveTitle => "Remove the user";
    public override string UserRemoveMeans => "All sessions of this user end at once.";
    public override string UserRemoveNow => "Remove";
    public override string UserNewPassword => "Set a new password";
    public override string UserNewPasswordNow => "Set it";
    public override string UserNewRole => "Change the role";
    public override string UserNewRoleNow => "Change it";
    public override string UserLinkTitle => "One-time link";
    public override string UserLinkMeans => "Signs in once. It is shown once; send it by a way you trust.";
    public override string UserLinkMake => "Make a link";
    public override string LinkOnce => "This link signs in once, and is shown only now:";
    public override string UsersNone => "There are no users yet.";
}
