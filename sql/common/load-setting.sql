-- Changes one of the settings for loading, or gives it back; needs SUPER, or SYSTEM_VARIABLES_ADMIN.
SET GLOBAL {name} = {value};
